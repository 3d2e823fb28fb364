"""One request on the wire and the bytes of its answer. It raises nothing.

This is the one place where exceptions of ``requests`` are met. Their frames hold the prepared
request and with it the credential, so a new error is made here and raised by the caller: reports
show the variables of every frame that an error went through, those of its context too.

Requests go straight to the adapter. A session of ``requests`` would read the target of a redirect,
and its body, even where redirects are not followed; it would keep cookies, and ask the environment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import requests
from requests.adapters import BaseAdapter
from requests.auth import AuthBase
from requests.utils import check_header_validity, default_headers

from pandabase_django.api.wire.connections import BoundedAdapter, Exchange, exchange
from pandabase_django.api.wire.egress import Egress, host_and_port
from pandabase_django.api.wire.failures import WIRE_ERRORS, transport_error, unsendable
from pandabase_django.api.wire.replies import RawReply
from pandabase_django.api.wire.timeouts import Timeouts
from pandabase_django.exceptions import PandabaseError, ProtocolError

__all__ = ["MAX_BODY_BYTES", "Sender"]

CHUNK_BYTES = 256 * 1024
MAX_BODY_BYTES = 32 * 1024 * 1024
MAX_WIRE_BYTES = 2 * MAX_BODY_BYTES  # chunk sizes may take as much again
MAX_KEPT_BYTES = 1024 * 1024  # of an answer that is sealed as a whole
_UNPRINTABLE = re.compile(r"[^!-~]")  # what no database or log line is given


class Sender:
    """Sends requests to one remote. Threads may share it.

    Args:
        base_url: As ``normalise_base_url`` gives it.
        auth: Signs each prepared request.
        timeouts: See ``Timeouts``.
        pool_size: Connections kept open.
        egress: The way out.
        adapter: Sends, and answers; None takes connections of its own.
        clock: Gives the Unix epoch seconds.
    """

    def __init__(
        self,
        *,
        base_url: str,
        auth: AuthBase,
        timeouts: Timeouts,
        pool_size: int,
        egress: Egress,
        adapter: BaseAdapter | None,
        clock: Callable[[], float],
    ) -> None:
        self._base_url = base_url
        self._auth = auth
        self._timeouts = timeouts
        self._egress = egress
        self._clock = clock
        self._remote = _shown(base_url)
        self._adapter = adapter or BoundedAdapter(
            pool_connections=1, pool_maxsize=pool_size, pool_block=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def send(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
        keep_any: bool,
        seconds: float | None = None,
    ) -> RawReply | BaseException:
        """Send a request once.

        Args:
            method: HTTP method.
            path: Path below the base URL.
            query: Query parameters.
            body: Bytes of the body.
            headers: All that are not every request's.
            keep_any: Keep a redirect's body too, and what arrived of an answer that broke off.
            seconds: How long it may take in all; None for as long as the time-outs let it.

        Returns:
            The answer; or what to raise, without any frame.
        """
        try:
            request = self._prepared(method, path, query=query, body=body, headers=headers)
        except PandabaseError as error:
            return _bare(error)  # the credential could not be opened
        except WIRE_ERRORS as error:
            return unsendable(error)
        timeouts = self._timeouts if seconds is None else self._timeouts.within(seconds)
        with exchange(timeouts, most_bytes=MAX_WIRE_BYTES) as bounds:
            try:
                return self._exchanged(request, bounds, keep_any=keep_any)
            except WIRE_ERRORS as error:
                return self._failure(error, bounds)
            except BaseException as error:  # noqa: BLE001  an interrupt: goes on without its frames
                return _bare(error)

    def _prepared(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None,
        body: bytes | None,
        headers: Mapping[str, str],
    ) -> requests.PreparedRequest:
        request = requests.Request(
            method,
            self._base_url + path,
            params=query,
            data=body,
            headers={**default_headers(), **headers},
            auth=self._auth,
        ).prepare()
        for header in request.headers.items():
            check_header_validity(header)
            if header[1].endswith("\n"):  # requests before 2.33 let it pass
                raise requests.exceptions.InvalidHeader
            # http.client would raise this with the header in its message.
            header[1].encode("latin-1")
        return request

    def _exchanged(
        self, request: requests.PreparedRequest, bounds: Exchange, *, keep_any: bool
    ) -> RawReply | PandabaseError:
        with self._adapter.send(
            request,
            stream=True,
            timeout=(bounds.timeouts.connect_seconds, bounds.timeouts.read_seconds),
            verify=self._egress.ca_bundle or True,
            proxies=self._proxies(),
        ) as response:
            received_at = self._clock()
            parts: list[bytes] = []
            failure: PandabaseError | None = None
            if keep_any or not 300 <= response.status_code < 400:
                most = MAX_KEPT_BYTES if keep_any else MAX_BODY_BYTES
                failure = self._read_into(parts, response, bounds, most_bytes=most)
            if failure is not None and not keep_any:
                return failure
            return RawReply(
                status=response.status_code,
                request_id=_UNPRINTABLE.sub("?", response.headers.get("X-Request-ID", ""))[:200],
                body=b"".join(parts),
                headers=response.headers,
                complete=failure is None,
                received_at=received_at,
            )

    def _read_into(
        self,
        parts: list[bytes],
        response: requests.Response,
        bounds: Exchange,
        *,
        most_bytes: int,
    ) -> PandabaseError | None:
        """Take what arrives: ``iter_content`` would wait for whole chunks, and keep none of one
        that broke off."""
        size = 0
        try:
            while part := response.raw.read1(CHUNK_BYTES, decode_content=True):
                parts.append(part)
                size += len(part)
                if size > most_bytes:
                    return ProtocolError(
                        f"The answer of {self._remote} is larger than {most_bytes >> 20} MiB."
                    )
        except WIRE_ERRORS as error:
            return self._failure(error, bounds)
        return None

    def _failure(self, error: Exception, bounds: Exchange) -> PandabaseError:
        proxy = self._egress.proxy_for(self._base_url)
        return transport_error(
            error,
            bounds,
            remote=self._remote,
            proxy=_shown(proxy) if proxy else "",
            connect_seconds=bounds.timeouts.connect_seconds,
        )

    def _proxies(self) -> dict[str, str]:
        proxy = self._egress.proxy_for(self._base_url)
        return {"all": proxy} if proxy else {}


def _shown(url: str) -> str:
    host, port = host_and_port(url)
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _bare(error: BaseException) -> BaseException:
    """The same without the frames it went through, and what it came from."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)

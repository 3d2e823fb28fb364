"""What is done after a sale: refunds, evidence in disputes, changes of subscriptions.

None of it may be done twice, and none may be forgotten. The danger is a lost answer. An action is
a row, ``RemoteAction``, that moves through these states, each committed before the next step::

    PREPARED ──► SENT ──► DONE
      │  ▲        │ ├───► REFUSED     the remote said no
      │  └────────┘ │
      │  surely not └───► UNKNOWN ──► DONE, REFUSED    a reading shows it
      │  executed             └─────► UNKNOWN, closed  no reading can show it
      └──► REFUSED                    it could not be sent within an hour

* **PREPARED** is the intent alone, written in the caller's own transaction. An object has at most
  one open row, by constraint, so a double click finds the first.
* **SENT** is committed before the one request, by compare-and-set: who moved the row sends. An
  answer that proves that nothing was executed (429, a refused connection, a secret that is being
  replaced) leads back to PREPARED, and the same idempotency key is sent again.
* **UNKNOWN**: no answer came, or a 5xx, a 409, something that is no answer of the API. It is
  settled by reading what the action would have changed, for an hour, never by sending again. A
  worker that is killed after SENT leaves a row that is settled in the same way.
* **REFUSED** means that it was surely not executed, and says why.

A row is *open* until ``closed_at`` is written. Then the mirrored rows are read again.
"""

"""Lists about money: refunds, disputes and the payout ledger."""

"""Azure: blobs, queues, ledger, runs, failures."""

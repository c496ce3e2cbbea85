# Whether the lease is ours still. Without LEASE nobody asks.
held() { [ -z "$LEASE" ] || [ -d ".sshsync/lease/$LEASE" ] || return "$LOST"; }

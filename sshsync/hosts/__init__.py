"""Speaking to hosts, however they are reached: conversations, connections that are kept, trying again."""

"""One token for many hosts: a slot that is shared through a store, and the store's driver."""

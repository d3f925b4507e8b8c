"""The simulated world: virtual clock, loopback network, disks, clients, and the façade that a person holds."""

"""Raft itself, without clock, network, disk or randomness: a stimulus goes in, a Ready comes out."""

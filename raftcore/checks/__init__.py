"""What must hold in every run, judged from its trace; beliefs alone look at servers' states."""

"""What must hold in every run, judged from its trace alone."""

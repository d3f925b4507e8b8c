"""The figures by which the lab is measured: ratios inside one run, since machines differ and are shared."""

"""Step `traffic`: photos at a rate, sound or spoilt, to see how the stack bears them."""

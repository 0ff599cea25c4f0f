"""Quality: what readings say against each other. Pure: values and times in, flags, roll-ups and completeness out."""

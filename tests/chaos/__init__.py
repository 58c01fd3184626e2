"""Random faults under load, by a schedule that is a pure function of a seed; the oracle judges what is left."""

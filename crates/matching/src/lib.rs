//! Who is the same person: exact rules on normalised attributes, guards and vetoes. Pure.

//! What a source's entry becomes at the hub: mapping expressions, typed attributes, who owns which value. Pure.

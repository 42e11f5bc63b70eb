"""Plans: steps that name blocks, made of an objective, checked, carried out and gone on with."""

"""Looking into the model: one name explained, the whole dumped."""

"""What takes several tools: recognised in a prompt, told to the model, and checked once."""

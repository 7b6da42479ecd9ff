"""What is true and may never change: one module per concept of the municipality's vocabulary."""

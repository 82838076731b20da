"""What declarations mean on one machine: layouts, values, and how arguments reach the kernel."""

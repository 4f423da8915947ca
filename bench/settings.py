"""What PyTorch's processes are started with."""

# Big temporaries are given back to the system after every step otherwise, and cleared again by it at the next.
ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "4294967296", "MALLOC_TRIM_THRESHOLD_": "17179869184"}

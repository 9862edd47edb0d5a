"""What the user wrote: profiles, grants, and the file that holds them."""

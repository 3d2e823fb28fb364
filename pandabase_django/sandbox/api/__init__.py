"""The Store API's endpoints, what they accept, and what permission they need."""

"""What a file may say: pydantic models, frozen, in which every key that is not a field is refused."""

"""Generated protocols, questions, records and sharper records, from choices that somebody else makes."""

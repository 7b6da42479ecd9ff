"""The write side's only SQL: the log kept in SQLite or PostgreSQL by one batching writer."""

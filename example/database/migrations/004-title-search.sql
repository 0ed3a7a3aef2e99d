-- The extension is installed with the database image: it takes a superuser's rights.
CREATE INDEX documents_title_trigrams ON documents USING gin (title gin_trgm_ops);

CREATE TABLE documents (
  id uuid PRIMARY KEY,
  -- The order of arrival: the time of creation isn't unique, so pages of a list couldn't be told apart by it.
  position bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
  title text NOT NULL CHECK (title = btrim(title) AND char_length(title) BETWEEN 1 AND 200),
  size_bytes integer NOT NULL CHECK (size_bytes > 0),
  sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  body_key text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

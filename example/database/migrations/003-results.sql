CREATE TABLE results (
  document_id uuid PRIMARY KEY REFERENCES documents (id) ON DELETE CASCADE,
  words integer NOT NULL CHECK (words >= 0),
  lines integer NOT NULL CHECK (lines >= 0),
  characters integer NOT NULL CHECK (characters >= 0),
  sha256 text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
  longest_word text NOT NULL,
  frequent_words jsonb NOT NULL CHECK (jsonb_typeof(frequent_words) = 'array'),
  reading_seconds integer NOT NULL CHECK (reading_seconds >= 0),
  result_key text NOT NULL UNIQUE,
  created_at timestamptz NOT NULL DEFAULT now()
);

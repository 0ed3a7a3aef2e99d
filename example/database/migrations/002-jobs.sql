CREATE TABLE jobs (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  document_id uuid NOT NULL UNIQUE REFERENCES documents (id) ON DELETE CASCADE,
  status text NOT NULL DEFAULT 'queued' CHECK (status IN ('queued', 'running', 'done', 'failed')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  max_attempts integer NOT NULL DEFAULT 3 CHECK (max_attempts > 0),
  error text CHECK (error IS NOT NULL OR status <> 'failed'),
  run_after timestamptz NOT NULL DEFAULT now(),
  started_at timestamptz CHECK (started_at IS NOT NULL OR status <> 'running'),
  finished_at timestamptz CHECK ((finished_at IS NOT NULL) = (status IN ('done', 'failed'))),
  CHECK (attempts <= max_attempts)
);

-- What the worker looks for all day; jobs that are done aren't in it.
CREATE INDEX jobs_open ON jobs (run_after, id) WHERE status IN ('queued', 'running');

CREATE INDEX jobs_status ON jobs (status);

CREATE FUNCTION notify_of_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('jobs', NEW.id::text);
  RETURN NEW;
END
$$;

CREATE TRIGGER jobs_notify AFTER INSERT ON jobs FOR EACH ROW EXECUTE FUNCTION notify_of_job();

/**
 * Finds the seeded image, or makes it; prints its id. For any POSIX shell and a docker client.
 *
 * The image is named after its inputs: DIGEST, and the ids of the images that take part. Who makes it holds a lock, the
 * server's container, whose name only one can have; others wait for it to go. The name is given to the finished image
 * alone, so that whoever finds it finds it whole.
 *
 * The data are copied out of the stopped server into a container that has never run, which is what becomes the image:
 * its one layer holds the data and nothing else, and its history and variables are the base image's. All that the
 * server is told goes by files of this run's own, as the list of processes and the image's history would keep it.
 */
export const seedScript = `
set -u
tab=$(printf '\\t')
fail() { printf '%s\\n' "can't seed $NAME: $*" >&2; exit 1; }
scratch=$(mktemp -d) || exit 1
server= step= clean= timer=
tidy() {
  for child in $timer; do kill "$child" 2>/dev/null; done
  for container in $step $clean $server; do docker rm -f -v "$container" >/dev/null 2>&1; done
  rm -rf "$scratch"
}
trap tidy EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

id_of() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }
# An id stands for itself: whether the image is still there shows when it is needed.
id_or_pull() {
  case "$1" in sha256:*) printf '%s\\n' "$1"; return ;; esac
  id_of "$1" && return
  docker pull -q "$1" >/dev/null 2>"$scratch/refused" && id_of "$1" && return
  fail "there is no image $1 on the Docker Engine, and it can't be pulled: $(tail -n 1 "$scratch/refused")"
}
short() { printf '%s' "$1" | sed 's/^sha256://' | cut -c 1-12; }
of_step() { eval "printf '%s' \\"\\$STEP_$1_$2\\""; }

base=$(id_or_pull "$IMAGE") || exit 1
key=$DIGEST-$(short "$base")
n=0
while [ "$n" -lt "$STEPS" ]; do
  n=$((n + 1))
  image=$(of_step $n IMAGE)
  [ -n "$image" ] && [ -n "$(of_step $n COUNTED)" ] || continue
  id=$(id_or_pull "$image") || exit 1
  key=$key-$(short "$id")
done
target=$NAME:$key

# Under the commit's name too: so gc knows that the commit uses it.
finish() {
  case "$COMMIT" in
  *[!A-Za-z0-9_.-]* | "" | [.-]*) ;;
  *) case "$2" in *"$NAME:$COMMIT"*) ;; *) docker tag "$1" "$NAME:$COMMIT" >/dev/null 2>&1 ;; esac ;;
  esac
  printf '%s\\n' "$1"
  exit 0
}
finish_if_made() {
  made=$(docker image inspect --format '{{.Id}} {{index .Config.Labels "dev.seatrial.seed"}} {{.RepoTags}}' "$target" \\
    2>/dev/null) || return 0
  case "$made" in *" $key "*) finish "\${made%% *}" "$made" ;; esac
}
finish_if_made

docker image inspect --format '{{range $path, $_ := .Config.Volumes}}{{println $path}}{{end}}' "$base" \\
  >"$scratch/volumes" 2>"$scratch/refused" || fail "$(cat "$scratch/refused")"
while read -r volume; do
  [ -n "$volume" ] || continue
  case "$DATA/" in
  "\${volume%/}"/*) fail "its data would be in $DATA, and the image's volume $volume is not kept with the image; name another folder" ;;
  esac
done <"$scratch/volumes"

began=$(date +%s)
late() { [ $(($(date +%s) - began)) -ge "$TIMEOUT" ]; }
pause() { sleep 0.2 2>/dev/null || sleep 1; }
printf '%s\\n' "$ENVIRONMENT" >"$scratch/environment"
printf '%s\\n' "$LABELS" >"$scratch/labels"

# The lock.
lock=$(printf '%s' "seatrial-seed-$NAME-$key" | tr / -)
waited=
while :; do
  eval "set -- $COMMAND"
  server=$(docker create --name "$lock" --network none --label-file "$scratch/labels" --env-file "$scratch/environment" \\
    "$base" "$@" 2>"$scratch/refused") && break
  server=
  grep -q 'already in use' "$scratch/refused" || fail "$(cat "$scratch/refused")"
  [ -n "$waited" ] || echo "waiting for another run, which seeds $NAME already" >&2
  waited=yes
  while docker inspect --type container "$lock" >/dev/null 2>&1; do
    # Whoever held it for so long may be dead; it is not ours to remove.
    if late; then lock=$lock-$$ began=$(date +%s); break; fi
    pause
  done
  finish_if_made
done
finish_if_made

# The helpers in the background write nowhere: whoever holds the command's own output open keeps its caller waiting.
(
  trap 'kill -9 $! 2>/dev/null; exit 0' TERM
  sleep "$TIMEOUT" & wait $!
  : >"$scratch/late"
  docker rm -f -v "$server"
) >/dev/null 2>&1 </dev/null & timer=$!
why() { if [ -e "$scratch/late" ]; then printf '%s' "it took longer than $TIMEOUT s"; else printf '%s' "$*"; fi; }
server_log() { echo "the last lines of the server:"; docker logs --tail 20 "$server" 2>&1; }

# A folder for the server's data in CONTAINER that every user may write to, as the server's is not known.
data_folder() {
  mkdir -p "$scratch/root$DATA" && chmod 1777 "$scratch/root$DATA" &&
    tar -C "$scratch/root" -cf - ".$DATA" | docker cp - "$1:/" >/dev/null 2>"$scratch/refused" ||
    fail "$(why "its folder $DATA can't be made: $(cat "$scratch/refused")")"
}

# The files of all steps, as everybody may read them; they must still be what the image is named after.
n=0
mkdir "$scratch/all"
while [ "$n" -lt "$STEPS" ]; do
  n=$((n + 1))
  of_step $n FILES >"$scratch/list-$n"
  echo >>"$scratch/list-$n"
  mkdir "$scratch/files-$n"
  while IFS=$tab read -r source file; do
    [ -n "$source" ] || continue
    for place in "$scratch/files-$n" "$scratch/all"; do
      mkdir -p "$place$(dirname "$file")" && rm -rf "$place$file" && cp -RL "$source" "$place$file" ||
        fail "can't copy $source"
    done
  done <"$scratch/list-$n"
  chmod -R a+rX "$scratch/files-$n"
done
chmod -R a+rX "$scratch/all"
if command -v sha256sum >/dev/null; then sum() { sha256sum; }; else sum() { shasum -a 256; }; fi
now=$(
  cd "$scratch/all" && find . -type f | LC_ALL=C sort | while IFS= read -r file; do
    hash=$(sum <"$file") && mode=- && if [ -x "$file" ]; then mode=x; fi
    printf '%s %s %s\\n' "\${hash%% *}" "$mode" "\${file#.}"
  done | sum
)
[ "\${now%% *}" = "$FILES" ] || fail "its files were changed while it began; run it again"

echo "seeding $NAME" >&2
data_folder "$server"
docker start "$server" >/dev/null 2>"$scratch/refused" || fail "$(cat "$scratch/refused")"
until docker exec "$server" sh -c "$READY" >"$scratch/log" 2>&1; do
  if [ -e "$scratch/late" ] || [ "$(docker inspect --format '{{.State.Running}}' "$server" 2>/dev/null)" != true ]; then
    { echo "can't seed $NAME: $(why "the server stopped before it was ready")"; tail -n 5 "$scratch/log"; server_log; } >&2
    exit 1
  fi
  pause
done

n=0
while [ "$n" -lt "$STEPS" ]; do
  n=$((n + 1))
  image=$(of_step $n IMAGE)
  of_step $n ENVIRONMENT >"$scratch/environment"
  echo >>"$scratch/environment"
  eval "set -- $(of_step $n COMMAND)"
  where=$server
  if [ -n "$image" ]; then
    id=$(id_or_pull "$image") || exit 1
    step=$(docker create --network "container:$server" --label-file "$scratch/labels" --env-file "$scratch/environment" \\
      "$id" "$@" 2>"$scratch/refused") || fail "$(why "$(cat "$scratch/refused")")"
    where=$step
  fi
  while IFS=$tab read -r source file; do
    [ -n "$source" ] || continue
    tar -C "$scratch/files-$n" -cf - ".$file" | docker cp - "$where:/" >/dev/null 2>"$scratch/refused" ||
      fail "$(why "can't copy $source: $(cat "$scratch/refused")")"
  done <"$scratch/list-$n"
  if [ -n "$image" ]; then
    docker start -a "$step" >"$scratch/log" 2>&1
  else
    docker exec --env-file "$scratch/environment" "$server" "$@" >"$scratch/log" 2>&1
  fi
  code=$?
  if [ "$code" != 0 ]; then
    {
      echo "can't seed $NAME: $(why "$(of_step $n NAME) exited with $code")"
      echo "its last lines:"
      tail -n 20 "$scratch/log"
      server_log
    } >&2
    exit 1
  fi
  if [ -n "$step" ]; then docker rm -f -v "$step" >/dev/null 2>&1; step=; fi
done

docker stop -t 60 "$server" >/dev/null 2>"$scratch/refused" || fail "$(why "$(cat "$scratch/refused")")"
code=$(docker inspect --format '{{.State.ExitCode}}' "$server")
if [ "$code" = 137 ] || [ -e "$scratch/late" ]; then
  { echo "can't seed $NAME: $(why "the server was killed before it had stopped")"; server_log; } >&2
  exit 1
fi

docker rm -f -v "$lock-image" >/dev/null 2>&1
printf '%s\\n' "$LABELS" | grep -E '^dev\\.seatrial\\.(project|commit)=' >"$scratch/labels"
clean=$(docker create --name "$lock-image" --label-file "$scratch/labels" --label "dev.seatrial.seed=$key" "$base" \\
  2>"$scratch/refused") || fail "$(cat "$scratch/refused")"
data_folder "$clean"
{ docker cp "$server:$DATA" - 2>"$scratch/refused" || : >"$scratch/broken"; } |
  docker cp - "$clean:$(dirname "$DATA")" >/dev/null 2>&1 || : >"$scratch/broken"
if [ -e "$scratch/broken" ]; then fail "$(why "its data can't be copied: $(cat "$scratch/refused")")"; fi
made=$(docker commit -m "seeded by seatrial" "$clean" "$target" 2>"$scratch/refused") || fail "$(cat "$scratch/refused")"
finish "$made" ""
`.trim();

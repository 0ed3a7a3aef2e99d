// What each base image is made of where no registry can be reached. An image is named after its recipe: whatever
// changes one changes the name, and an image that is there never has to be looked into.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const filesDirectory = path.join(path.dirname(fileURLToPath(import.meta.url)), "files");

// To be raised when what the modules beside this one do with a recipe changes.
const version = 2;

// busybox gives every image a shell and the small tools (wget, nc, ps) that health checks and people look for.
const shell = "busybox-static";

// Wanted by the packages' installation scripts, which don't run, or by features no test system uses. LLVM alone, which
// PostgreSQL would load to compile very long queries, is as large as all the rest.
const assumed = [
  ...["adduser", "debconf", "debianutils", "dpkg", "init-system-helpers", "libc-l10n", "libllvm14", "libpam-modules"],
  ...["libpam-runtime", "libtirpc-common", "locales", "lsb-base", "media-types", "netbase", "passwd", "perl"],
  ...["perl-base", "postgresql-client-common", "postgresql-common", "readline-common", "sensible-utils", "ssl-cert"],
  ...["tar", "ucf"],
];

// A cluster is made with the image and copied at the container's start, which takes a fifth of initdb's time. Its access
// rules are the public image's.
const initialiseCluster = `
cluster=/usr/share/postgresql-cluster
initdb -D $cluster --username=postgres --encoding=UTF8 --locale=C.UTF-8 --auth=trust --no-sync >/dev/null
echo "host all all all scram-sha-256" >> $cluster/pg_hba.conf
echo "listen_addresses = '*'" >> $cluster/postgresql.conf
`;

/** The kinds of base image, each with the public image that is used instead of it where a registry can be reached. */
export const recipes = {
  node: {
    publicImage: "node:20-bookworm-slim",
    packages: [shell, "libstdc++6"],
    // The host's own: Debian's is too old for the S3 client. The binary itself is copied.
    hostNode: `${process.version} ${process.arch}`,
    config: ["ENV NODE_VERSION=" + process.versions.node, 'CMD ["node"]'],
  },
  postgres: {
    publicImage: "postgres:15-bookworm",
    packages: [shell, "libc-bin", "postgresql", "tzdata"],
    files: { "usr/local/bin/docker-entrypoint.sh": "postgres/docker-entrypoint.sh" },
    owned: {
      "docker-entrypoint-initdb.d": 0,
      "run/postgresql": 999,
      "usr/share/postgresql-cluster": 999,
      "var/lib/postgresql/data": 999,
    },
    finish: ["sh", "-euc", initialiseCluster],
    config: [
      "ENV LANG=C.UTF-8 PGDATA=/var/lib/postgresql/data",
      'ENTRYPOINT ["docker-entrypoint.sh"]',
      'CMD ["postgres"]',
      "EXPOSE 5432",
      "USER postgres",
    ],
  },
  mariadb: {
    publicImage: "mariadb:10.11-jammy",
    packages: [shell, "libc-bin", "mariadb-client-core", "mariadb-server-core", "tzdata"],
    files: {
      "usr/local/bin/docker-entrypoint.sh": "mariadb/docker-entrypoint.sh",
      "usr/local/bin/mariadb-admin": "mariadb/mariadb-admin",
    },
    owned: { "docker-entrypoint-initdb.d": 0, "run/mysqld": 998, "var/lib/mysql": 998 },
    config: [
      "ENV LANG=C.UTF-8",
      'ENTRYPOINT ["docker-entrypoint.sh"]',
      'CMD ["mariadbd"]',
      "EXPOSE 3306",
      "USER mysql",
    ],
  },
  "object-store": {
    publicImage: "versity/versitygw:v1.8.0",
    packages: [shell, "python3", "python3-pip-whl"],
    requirements: "object-store/requirements.txt",
    files: { "usr/local/bin/object-store": "object-store/object-store" },
    owned: {},
    config: ['ENTRYPOINT ["object-store"]', 'CMD ["posix", "/tmp"]', "EXPOSE 7070", "USER nobody"],
  },
  probe: {
    publicImage: "busybox:1.36-musl",
    packages: [shell],
    config: ['CMD ["sh"]'],
  },
};

for (const recipe of Object.values(recipes)) recipe.assumed = assumed;

/** `seatrial-base-<kind>:<12 hex digits of the recipe>`. */
export function localName(kind, recipe = recipes[kind]) {
  const { publicImage, ...made } = recipe;
  const contents = [...Object.values(made.files ?? {}), ...(made.requirements ? [made.requirements] : [])];
  const digest = createHash("sha256")
    .update(JSON.stringify([version, process.arch, made, contents.map((file) => read(file))]))
    .digest("hex");
  return `seatrial-base-${kind}:${digest.slice(0, 12)}`;
}

/** The variable that names an image to use instead: SEATRIAL_BASE_IMAGE_OBJECT_STORE for `object-store`. */
export function variable(kind) {
  return `SEATRIAL_BASE_IMAGE_${kind.toUpperCase().replace(/-/g, "_")}`;
}

function read(file) {
  return readFileSync(path.join(filesDirectory, file), "utf8");
}

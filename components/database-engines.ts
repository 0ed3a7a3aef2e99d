import type * as pulumi from "@pulumi/pulumi";

/** Who a database is for. */
export interface Account {
  user: string;
  database: string;
  password: pulumi.Input<string>;
}

/** What differs between database servers, as their public images have it. */
export interface DatabaseEngine {
  port: number;
  /** Of its URLs. */
  scheme: string;
  superuser: string;
  /** Where a volume goes: the image's own folder, whose owner the volume takes over. */
  volumeDirectory: string;
  /** Where memory goes: no folder of the image, as Docker would take over the folder's permissions but not its owner. */
  memoryDirectory: string;
  /** Where seeded data are: in none of the image's volumes. */
  seededDirectory: string;
  /** The variables of its first start. */
  environment(account: Account, directory: string): Record<string, pulumi.Input<string>>;
  /** `unsafe`: nothing is written safely, which makes it much faster; for data that go with the container. */
  command(directory: string, unsafe: boolean): string[];
  /** Exits with 0 once it is set up: over TCP, as until then it listens on its Unix socket alone. */
  ready(account: Account): string[];
  /** For the shell of its container: runs the SQL of the file `$1` in the database, up to the first error. */
  runSql(account: Account): string;
}

/** What is mounted may be root's, and the servers want their folder to be their own. */
const cluster = (directory: string): string => `${directory}/cluster`;

const postgres: DatabaseEngine = {
  port: 5432,
  scheme: "postgres",
  superuser: "postgres",
  volumeDirectory: "/var/lib/postgresql/data",
  memoryDirectory: "/var/lib/postgresql/memory",
  seededDirectory: "/var/lib/postgresql/seeded",
  environment: ({ user, password, database }, directory) => ({
    POSTGRES_USER: user,
    POSTGRES_PASSWORD: password,
    POSTGRES_DB: database,
    PGDATA: cluster(directory),
  }),
  command: (_, unsafe) =>
    unsafe ? ["postgres", ...settings("-c", ["fsync", "synchronous_commit", "full_page_writes"], "off")] : ["postgres"],
  ready: ({ user, database }) => ["pg_isready", "-q", "-h", "127.0.0.1", "-U", user, "-d", database],
  runSql: ({ user, database }) => `psql -v ON_ERROR_STOP=1 -qX ${option("-U", user)} ${option("-d", database)} -f "$1"`,
};

function mysqlLike(brand: "MYSQL" | "MARIADB", server: string, client: string, admin: string): DatabaseEngine {
  return {
    port: 3306,
    scheme: "mysql",
    superuser: "root",
    volumeDirectory: "/var/lib/mysql",
    memoryDirectory: "/var/lib/mysql-memory",
    seededDirectory: "/var/lib/mysql-seeded",
    environment: ({ user, password, database }) => ({
      [`${brand}_ROOT_PASSWORD`]: password,
      [`${brand}_DATABASE`]: database,
      ...(user === "root" ? {} : { [`${brand}_USER`]: user, [`${brand}_PASSWORD`]: password }),
    }),
    command: (directory, unsafe) => [
      server,
      `--datadir=${cluster(directory)}`,
      ...(unsafe
        ? ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--sync-binlog=0", "--skip-log-bin"]
        : []),
    ],
    // It is there though it lets nobody in without a password.
    ready: () => [admin, "ping", "--silent", "-h", "127.0.0.1"],
    runSql: ({ database }) => `MYSQL_PWD="$${brand}_ROOT_PASSWORD" ${client} -u root ${option("-D", database)} <"$1"`,
  };
}

/** The servers that a `Database` can be. */
export const databaseEngines = {
  postgres,
  mysql: mysqlLike("MYSQL", "mysqld", "mysql", "mysqladmin"),
  mariadb: mysqlLike("MARIADB", "mariadbd", "mariadb", "mariadb-admin"),
} satisfies Record<string, DatabaseEngine>;

const settings = (option: string, names: string[], value: string): string[] =>
  names.flatMap((name) => [option, `${name}=${value}`]);

/** As the shell reads it, whatever is in the value. */
const option = (name: string, value: string): string => `${name} '${value.replaceAll("'", `'\\''`)}'`;

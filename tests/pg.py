"""A Postgres server of the tests' own: on a socket in a temporary directory, as a user that is not root, ended with
the program that started it."""
import atexit
import glob
import os
import shutil
import subprocess
import tempfile


class Server:
    def __init__(self):
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"))
        if not found:
            raise SystemExit("the tests need Postgres: make deps-test (Debian package postgresql-15)")
        self.bin = os.path.dirname(found[-1])
        self.dir = tempfile.mkdtemp(prefix="weir-pg-")
        self.user = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.getuid() == 0 else {}
        if self.user:
            shutil.chown(self.dir, "nobody", "nogroup")
        os.chmod(self.dir, 0o755)
        atexit.register(self.stop)
        self.data = os.path.join(self.dir, "data")
        self.run("initdb", "-D", self.data, "-U", "weir", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C")
        self.start()
        self.n = 0

    def start(self):
        self.run("pg_ctl", "-D", self.data, "-w", "-l", os.path.join(self.dir, "log"), "-o",
                 f"-k {self.dir} -c listen_addresses='' -c fsync=off -c shared_buffers=8MB -c max_connections=300", "start")

    def restart(self):
        """Goes down at once, as in a crash, and comes back."""
        self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
        self.start()

    def run(self, program, *args, text=None):
        p = subprocess.run([os.path.join(self.bin, program), *args], input=text, capture_output=True, text=True, cwd="/",
                           env={"PATH": os.environ["PATH"], "LC_ALL": "C"}, **self.user)
        if p.returncode != 0:
            raise SystemExit(f"{program}: {p.stdout}{p.stderr}")
        return p.stdout

    def url(self, database):
        return f"host={self.dir} user=weir dbname={database}"

    def sql(self, database, text):
        return self.run("psql", "-h", self.dir, "-U", "weir", "-d", database, "-v", "ON_ERROR_STOP=1", "-qAt", "-f", "-",
                        text=text)

    def database(self, script):
        """A new database that the script has filled; its name."""
        self.n += 1
        name = f"t{self.n}"
        self.sql("postgres", f"CREATE DATABASE {name}")
        self.sql(name, script)
        return name

    def drop(self, name):
        self.sql("postgres", f"DROP DATABASE {name} WITH (FORCE)")

    def stop(self):
        if os.path.isdir(os.path.join(self.dir, "data")):
            subprocess.run([os.path.join(self.bin, "pg_ctl"), "-D", self.data, "-m", "immediate", "stop"], cwd="/",
                           capture_output=True, **self.user)
        shutil.rmtree(self.dir, ignore_errors=True)


def server(made=[]):
    """The one of this program, started when it is asked for."""
    if not made:
        made.append(Server())
    return made[0]

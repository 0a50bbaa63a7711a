package main

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/synth"
	"portcullis.example/portcullis/internal/testenv"
)

const watched = "anna@house.example"

// watchHouse is a server with a mailbox, and a configuration that reads it.
type watchHouse struct {
	*testenv.DovecotServer
	dir, config string
}

func newWatchHouse(t *testing.T, more string) *watchHouse {
	t.Helper()
	h := &watchHouse{DovecotServer: testenv.Dovecot(t, map[string]string{watched: "long secret"}), dir: t.TempDir()}
	h.config = filepath.Join(h.dir, "portcullis.toml")
	writeFile(t, filepath.Join(h.dir, "password"), []byte("long secret\n"))
	writeFile(t, filepath.Join(h.dir, "people.toml"), []byte("[[organisation]]\nname = \"House\"\ndomains = [\"house.example\"]\nown = true\n\n[[person]]\nid = \"anna\"\nname = \"Anna Adler\"\nrole = \"member\"\naddresses = [\"anna@house.example\"]\n"))
	writeFile(t, h.config, []byte(fmt.Sprintf("people = \"people.toml\"\n[[sources]]\nname = \"members\"\nkind = \"imap\"\nevery_seconds = 5\n%s\n[sources.imap]\nhost = \"127.0.0.1\"\nport = %d\nca_file = %q\nmailbox = %q\npassword_file = \"password\"\n", more, h.TLSPort, h.CAFile, watched)))
	return h
}

// portcullis is the program with this house's configuration.
func (h *watchHouse) portcullis(data string, args ...string) *exec.Cmd {
	cmd := exec.Command("portcullis", append(args, "--config", h.config, "--data", filepath.Join(h.dir, data))...)
	cmd.Env = append(os.Environ(), "XDG_CONFIG_HOME="+filepath.Join(h.dir, "config"))
	return cmd
}

func (h *watchHouse) run(t *testing.T, data string, args ...string) string {
	t.Helper()
	out, err := h.portcullis(data, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("portcullis %v: %v\n%s", args, err, out)
	}
	return string(out)
}

// counted is what a store holds of the mail: messages, and where they were delivered.
func (h *watchHouse) counted(t *testing.T, data string) (messages int, deliveries []string) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.dir, data, "portcullis.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT hex(m.id), d.source, d.at, d.recipient FROM mail_message m JOIN mail_delivery d ON d.message=m.num ORDER BY 1, 2, 3`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	last := ""
	for rows.Next() {
		var id, source, recipient string
		var at int64
		if err := rows.Scan(&id, &source, &at, &recipient); err != nil {
			t.Fatal(err)
		}
		if id != last {
			messages++
		}
		last = id
		deliveries = append(deliveries, fmt.Sprintf("%s %s %d %s", id, source, at, recipient))
	}
	return messages, deliveries
}

// deliverAll puts invented mail into the mailbox and returns how many different messages that is.
func (h *watchHouse) deliverAll(t *testing.T, folder string, mails []synth.Mail) int {
	t.Helper()
	seen := map[string]bool{}
	for _, m := range mails {
		h.Deliver(t, watched, folder, m.Raw)
		seen[string(m.Raw)] = true
	}
	return len(seen)
}

// TestWatchSurvivesKill kills a first reading again and again, and demands that what
// the last one comes to is what an undisturbed one comes to: nothing missed, nothing doubled.
func TestWatchSurvivesKill(t *testing.T) {
	h := newWatchHouse(t, "")
	house := synth.NewHouse(12, 40)
	want := h.deliverAll(t, "INBOX", synth.Everyday(12, house, 1500))
	want += h.deliverAll(t, "Archive/2026", synth.Everyday(13, house, 500))
	began := time.Now()
	h.run(t, "clean", "watch", "--once", "-q")
	whole := min(time.Since(began), 6*time.Second)
	messages, clean := h.counted(t, "clean")
	if messages != want {
		t.Fatalf("an undisturbed reading stored %d messages, want %d", messages, want)
	}
	random := rand.New(rand.NewPCG(3, 4))
	killed, partly := 0, 0
	for range 8 {
		cmd := h.portcullis("killed", "watch", "--once", "-q")
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(random.Int64N(int64(whole))))
		if cmd.Process.Kill() == nil {
			killed++
		}
		_ = cmd.Wait() // it was killed
		if _, err := os.Stat(filepath.Join(h.dir, "killed", "portcullis.db")); err == nil {
			if n, _ := h.counted(t, "killed"); n > 0 && n < want {
				partly++
			}
		}
	}
	t.Logf("killed %d times, %d of them with a part stored", killed, partly)
	h.run(t, "killed", "watch", "--once", "-q")
	if _, disturbed := h.counted(t, "killed"); !slices.Equal(clean, disturbed) {
		t.Errorf("after %d kills %d deliveries are stored, undisturbed %d", killed, len(disturbed), len(clean))
	}
}

// TestWatchCountsOnce files mail away, and has the server number all of it anew.
func TestWatchCountsOnce(t *testing.T) {
	h := newWatchHouse(t, "")
	mails := synth.Everyday(7, synth.NewHouse(7, 20), 60)
	want := h.deliverAll(t, "INBOX", mails)
	h.run(t, "data", "watch", "--once", "-q")
	messages, before := h.counted(t, "data")
	if messages != want || len(before) != want {
		t.Fatalf("%d messages with %d deliveries, want %d", messages, len(before), want)
	}
	h.deliverAll(t, "Filed away", mails[:20])
	h.Forget(t, watched, "INBOX")
	if out := h.run(t, "data", "watch", "--once"); !strings.Contains(out, "known from before") {
		t.Errorf("the folder was not read again:\n%s", out)
	}
	if _, after := h.counted(t, "data"); !slices.Equal(before, after) {
		t.Errorf("%d deliveries became %d", len(before), len(after))
	}
	if out := h.run(t, "data", "watch", "--check"); !strings.Contains(out, "INBOX  (read, 60 messages)") || !strings.Contains(out, watched) {
		t.Errorf("watch --check says:\n%s", out)
	}
}

// TestWatchHearsOfNewMail watches, delivers, and stops.
func TestWatchHearsOfNewMail(t *testing.T) {
	h := newWatchHouse(t, "")
	h.MakeFolder(t, watched, "INBOX")
	cmd := h.portcullis("data", "watch")
	var said lockedBuffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	mails := synth.Everyday(9, synth.NewHouse(9, 20), 5)
	for i, m := range mails {
		h.Deliver(t, watched, "INBOX", m.Raw)
		awaitText(t, &said, "1 message new", i+1)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait() // its status says that it was interrupted
	if n, _ := h.counted(t, "data"); n != len(mails) {
		t.Errorf("%d messages are stored, want %d\n%s", n, len(mails), said.String())
	}
	if !strings.Contains(said.String(), "goes on from here") {
		t.Errorf("it does not say that it was stopped:\n%s", said.String())
	}
}

// TestWatchTellsOfSilence has a password refused for longer than the patience, and then let in again.
func TestWatchTellsOfSilence(t *testing.T) {
	h := newWatchHouse(t, "")
	h.deliverAll(t, "INBOX", synth.Everyday(9, synth.NewHouse(9, 20), 3))
	h.run(t, "data", "watch", "--once", "-q")
	writeFile(t, filepath.Join(h.dir, "password"), []byte("another secret\n"))
	out, err := h.portcullis("data", "watch", "--once").CombinedOutput()
	if err == nil || exitStatus(err) != exitIncomplete {
		t.Fatalf("a refused password ends with %v\n%s", err, out)
	}
	for _, want := range []string{"AUTHENTICATIONFAILED", "app password", watched} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%q is missing:\n%s", want, out)
		}
	}
	if strings.Contains(string(out), "another secret") {
		t.Errorf("the secret is told:\n%s", out)
	}
	// The last answer lies a day back.
	h.age(t, "data", 24*time.Hour)
	for range 2 {
		if err := h.portcullis("data", "watch", "--once", "-q").Run(); exitStatus(err) != exitIncomplete {
			t.Fatalf("a refused password ends with %v", err)
		}
	}
	found := h.run(t, "data", "findings", "--rule", "mail/source-silent")
	if n := strings.Count(found, "has answered nothing since"); n != 1 {
		t.Errorf("the silence is told %d times, want once:\n%s", n, found)
	}
	writeFile(t, filepath.Join(h.dir, "password"), []byte("long secret\n"))
	h.run(t, "data", "watch", "--once", "-q")
	found = h.run(t, "data", "findings", "--rule", "mail/source-silent")
	if !strings.Contains(found, "it answers again") || strings.Contains(found, "has answered nothing") {
		t.Errorf("its end is not told:\n%s", found)
	}
	h.run(t, "data", "replay")
	h.erased(t, "data")
}

// erased erases whose mailbox it is: neither that it was silent nor how far it was read names them after that.
func (h *watchHouse) erased(t *testing.T, data string) {
	t.Helper()
	file := filepath.Join(h.dir, data, "portcullis.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	// As where a server has said whose mailbox it locked, and links to it were kept.
	if _, err := db.Exec(`INSERT INTO mail_source (file, position) VALUES ('a', '{"first":"2026-02-01T00:00:00Z","reason":"NO anna@house.example is locked"}'), ('b', '{"link":"https://mail.example/users/Anna%40house.example/delta"}')`); err != nil {
		t.Fatal(err)
	}
	h.run(t, data, "erase", "--person", "Anna Adler", "--yes")
	if found := h.run(t, data, "findings", "--all"); strings.Contains(found, watched) || strings.Contains(found, "Adler") {
		t.Errorf("findings name somebody who was erased:\n%s", found)
	}
	var left int
	if err := db.QueryRow(`SELECT (SELECT count(*) FROM mail_source WHERE lower(position) LIKE '%anna%house.example%') + (SELECT count(*) FROM mail_delivery WHERE lower(source || recipient) LIKE '%anna%')`).Scan(&left); err != nil || left > 0 {
		t.Errorf("%d places name somebody who was erased, %v", left, err)
	}
	for _, name := range []string{file, file + "-wal"} {
		if raw, err := os.ReadFile(name); err == nil && bytes.Contains(bytes.ToLower(raw), []byte(watched)) {
			t.Errorf("%s still holds the address", filepath.Base(name))
		}
	}
}

// age moves the last answer of all mailboxes back.
func (h *watchHouse) age(t *testing.T, data string, by time.Duration) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.dir, data, "portcullis.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	rows, err := db.Query(`SELECT file, position FROM mail_source`)
	if err != nil {
		t.Fatal(err)
	}
	changed := map[string][]byte{}
	for rows.Next() {
		var file, position string
		if err := rows.Scan(&file, &position); err != nil {
			t.Fatal(err)
		}
		var health map[string]any
		if json.Unmarshal([]byte(position), &health) != nil || health["answered"] == nil {
			continue
		}
		for _, key := range []string{"answered", "first"} {
			at, err := time.Parse(time.RFC3339Nano, health[key].(string))
			if err != nil {
				t.Fatal(err)
			}
			health[key] = at.Add(-by)
		}
		changed[file] = compactJSON(health)
	}
	rows.Close()
	if len(changed) != 1 {
		t.Fatalf("%d healths are stored, want 1", len(changed))
	}
	for file, position := range changed {
		if _, err := db.Exec(`UPDATE mail_source SET position=$2 WHERE file=$1`, file, string(position)); err != nil {
			t.Fatal(err)
		}
	}
}

func exitStatus(err error) int {
	if exit, ok := err.(*exec.ExitError); ok {
		return exit.ExitCode()
	}
	return 0
}

func TestSourceConfiguration(t *testing.T) {
	const good = "[[sources]]\nname = \"members\"\nkind = \"imap\"\n[sources.imap]\nhost = \"mail.house.example\"\nmailbox = \"a@house.example\"\npassword_file = \"p\"\n"
	const graphSource = "[[sources]]\nname = \"g\"\nkind = \"graph\"\n[sources.graph]\ntenant = \"house.example\"\nclient_id = \"c1\"\nclient_secret_file = \"s\"\nmailboxes = [\"a@house.example\"]\n"
	for _, c := range []struct{ config, want string }{
		{good, ""},
		{good + "colour = \"red\"\n", "portcullis.toml:8: unknown key \"sources.imap.colour\""},
		{"[[sources]]\nname = \"A B\"\nkind = \"imap\"\n[sources.imap]\nhost = \"h\"\nmailbox = \"a\"\npassword_file = \"p\"\n", "want a-z"},
		{"[[sources]]\nname = \"a\"\nkind = \"pop3\"\n", "want one of"},
		{"[[sources]]\nname = \"a\"\nkind = \"imap\"\n", "table [sources.imap] is missing"},
		{good + good, "two are called"},
		{strings.Replace(good, "password_file", "token_file", 1) + "auth = \"plain\"\n", "does not go with the secret"},
		{strings.Replace(good, "mailbox = \"a@house.example\"\n", "", 1), "mailbox is missing"},
		{good + "tls = \"some\"\n", "tls is \"some\""},
		{graphSource, ""},
		{graphSource + "[sources.graph.pull]\nclient_id = \"c2\"\nclient_secret_file = \"p2\"\n", ""},
		{graphSource + "[sources.graph.pull]\nclient_id = \"c2\"\nclient_secret_file = \"s\"\n", "credentials of their own"},
		{graphSource + "endpoint = \"http://graph.example\"\n", "endpoint"},
		{graphSource + "service_account_file = \"x\"\n", "is Google's"},
		{graphSource + "colour = \"red\"\n", "sources.graph.colour"},
		{graphSource + "[sources.oauth]\nprovider = \"google\"\n", "is for IMAP"},
		{strings.Replace(graphSource, "kind = \"graph\"", "kind = \"gmail\"", 1), "table [sources.gmail] is missing"},
		{"[[sources]]\nname = \"o\"\nkind = \"gmail\"\n[sources.gmail]\nservice_account_file = \"k\"\nmailboxes = [\"a@house.example\"]\n", ""},
		{strings.Replace(good, "password_file = \"p\"\n", "", 1) + "[sources.oauth]\nprovider = \"microsoft\"\ntenant = \"house.example\"\nclient_id = \"c\"\nclient_secret_file = \"s\"\n", ""},
		{good + "[sources.oauth]\nprovider = \"google\"\nservice_account_file = \"s\"\n", "more than one of"},
	} {
		file := filepath.Join(t.TempDir(), "portcullis.toml")
		writeFile(t, file, []byte(c.config))
		_, err := loadConfig(&Globals{Config: file})
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s\ngot %v, want %q", c.config, err, c.want)
		}
	}
}

// awaitText waits until a text was said so often.
func awaitText(t *testing.T, said *lockedBuffer, text string, times int) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); strings.Count(said.String(), text) < times; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%q was not said %d times:\n%s", text, times, said.String())
		}
	}
}

// lockedBuffer is what a program says while it runs.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// TestServeReadsSources: the desk reads mailboxes on servers beside what it serves, and says how they stand.
func TestServeReadsSources(t *testing.T) {
	h := newWatchHouse(t, "")
	want := h.deliverAll(t, "INBOX", synth.Everyday(7, synth.NewHouse(7, 4), 12))
	cmd := h.portcullis("served", "serve", "--listen", "127.0.0.1:0", "--people", filepath.Join(h.dir, "people.toml"))
	var out lockedBuffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	for range 300 {
		if n := h.stored(t, "served"); n == want {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
	t.Errorf("the desk never stores the %d messages that are there:\n%s", want, out.String())
}

// stored counts messages, none while the store is being made.
func (h *watchHouse) stored(t *testing.T, data string) (n int) {
	t.Helper()
	db, err := sql.Open("sqlite", filepath.Join(h.dir, data, "portcullis.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_ = db.QueryRow(`SELECT count(*) FROM mail_message`).Scan(&n)
	return n
}

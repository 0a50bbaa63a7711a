package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"
	_ "modernc.org/sqlite"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/mail"
	"portcullis.example/portcullis/internal/people"
	"portcullis.example/portcullis/internal/store"
	"portcullis.example/portcullis/internal/testenv"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"portcullis": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], stdio{os.Stdin, os.Stdout, os.Stderr}))
		},
	})
}

// TestScripts drives the program as a user does: each script holds its mail, its
// commands and what they must print.
//
// Beside testscript's own commands there are
//
//	valid SCHEMA FILE            every line of FILE is JSON that the schema of docs/ allows
//	lock DIR                     another process writes the store until the script ends
//	newer DIR                    a newer program has written the store
//	letters N FILE [TEXT]        an mbox of N invented letters, with TEXT in each
//	interrupt DIR ARG…           run portcullis ARG…, and press Ctrl-C once it has stored something
//	cuttail FILE N               cut N bytes off a file
//	pack FILE                    gzip a file to FILE.gz
//
// and the conditions [ci] and [netns] (a network namespace can be made).
func TestScripts(t *testing.T) {
	schemas, err := filepath.Abs("../../docs")
	if err != nil {
		t.Fatal(err)
	}
	lists, err := filepath.Abs("../../examples/lists")
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CONFIG_HOME", filepath.Join(env.WorkDir, "home", "config"))
			env.Setenv("XDG_DATA_HOME", filepath.Join(env.WorkDir, "home", "data"))
			env.Setenv("SCHEMAS", schemas)
			env.Setenv("LISTS", lists)
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"valid": valid, "lock": lock, "newer": newer, "letters": letters,
			"interrupt": interrupt, "cuttail": cutTail, "pack": gzipped,
		},
	})
}

func condition(name string) (bool, error) {
	switch name {
	case "ci":
		return testenv.CI(), nil
	case "netns":
		return exec.Command("unshare", "--net", "true").Run() == nil, nil
	case "root":
		return os.Geteuid() == 0, nil
	}
	return false, fmt.Errorf("unknown condition %q", name)
}

func valid(ts *testscript.TestScript, neg bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: valid SCHEMA FILE")
	}
	schema, err := jsonschema.NewCompiler().Compile(ts.MkAbs(args[0]))
	ts.Check(err)
	lines := bufio.NewScanner(strings.NewReader(ts.ReadFile(args[1])))
	lines.Buffer(nil, 1<<24)
	n := 0
	for ; lines.Scan(); n++ {
		value, err := jsonschema.UnmarshalJSON(strings.NewReader(lines.Text()))
		if err == nil {
			err = schema.Validate(value)
		}
		if (err != nil) != neg {
			ts.Fatalf("%s line %d: %v\n%s", args[1], n+1, err, lines.Text())
		}
	}
	ts.Check(lines.Err())
	if n == 0 {
		ts.Fatalf("%s is empty", args[1])
	}
}

// lock opens the store in this process, which is another than portcullis's.
func lock(ts *testscript.TestScript, neg bool, args []string) {
	sc, err := storeConfig(defaultConfig(), ts.MkAbs(args[0]), false)
	ts.Check(err)
	s, err := store.Open(context.Background(), sc)
	ts.Check(err)
	ts.Defer(func() { _ = s.Close() })
}

func newer(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sql.Open("sqlite", filepath.Join(ts.MkAbs(args[0]), "portcullis.db"))
	ts.Check(err)
	defer db.Close()
	_, err = db.Exec("UPDATE store_schema SET version = version + 1 WHERE context = 'mail'")
	ts.Check(err)
}

// letters writes an mbox of different letters from different people.
func letters(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[0])
	ts.Check(err)
	f, err := os.Create(ts.MkAbs(args[1]))
	ts.Check(err)
	w := bufio.NewWriter(f)
	for i := range n {
		when := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC).Add(time.Duration(i) * time.Minute)
		fmt.Fprintf(w, "From writer%d@post.example %s\n", i, when.Format(time.ANSIC))
		fmt.Fprintf(w, "From: Writer %d <writer%d@post.example>\nTo: anna.keller@parliament.example\n", i, i)
		fmt.Fprintf(w, "Subject: Letter %d\nDate: %s\nMessage-ID: <letter-%d@post.example>\n\n", i, when.Format(time.RFC1123Z), i)
		fmt.Fprintf(w, "Dear Ms Keller,\n\nletter number %d asks about street %d and its %d trees.\nSee https://street-%d.example/trees\n%s\n\n", i, i*7%1000, i*13%97, i, strings.Join(args[2:], " "))
	}
	ts.Check(errors.Join(w.Flush(), f.Close()))
}

// interrupt runs the program until something is stored, and stops it. A program
// that was done before is none the worse for it.
func interrupt(ts *testscript.TestScript, neg bool, args []string) {
	dir := ts.MkAbs(args[0])
	program, err := exec.LookPath(filepath.Join(ts.Getenv("PATH")[:strings.IndexByte(ts.Getenv("PATH"), os.PathListSeparator)], "portcullis"))
	ts.Check(err)
	cmd := exec.Command(program, args[1:]...)
	cmd.Dir = ts.Getenv("WORK")
	cmd.Env = append(os.Environ(), "HOME="+ts.Getenv("HOME"), "XDG_CONFIG_HOME="+ts.Getenv("XDG_CONFIG_HOME"), "XDG_DATA_HOME="+ts.Getenv("XDG_DATA_HOME"))
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	ts.Check(cmd.Start())
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	for !stored(dir) {
		select {
		case err := <-done:
			ts.Fatalf("portcullis ended before it had stored anything: %v\n%s", err, said.String())
		case <-time.After(5 * time.Millisecond):
		}
	}
	ts.Check(cmd.Process.Signal(os.Interrupt))
	err = <-done
	ts.Logf("%s", said.String())
	exit, ok := errors.AsType[*exec.ExitError](err)
	if ok && (exit.ExitCode() != exitFailed || !strings.Contains(said.String(), "goes on from")) {
		ts.Fatalf("exit status %d after an interrupt, want %d and a word on how to go on", exit.ExitCode(), exitFailed)
	}
}

func stored(dir string) bool {
	path := filepath.Join(dir, "portcullis.db")
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return false
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=ro&_pragma=busy_timeout(5000)")
	if err != nil {
		return false
	}
	defer db.Close()
	var n int
	return db.QueryRow("SELECT count(*) FROM mail_message").Scan(&n) == nil && n > 0
}

func cutTail(ts *testscript.TestScript, neg bool, args []string) {
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()-int64(n)))
}

func gzipped(ts *testscript.TestScript, neg bool, args []string) {
	path := ts.MkAbs(args[0])
	f, err := os.Create(path + ".gz")
	ts.Check(err)
	w := gzip.NewWriter(f)
	_, err = w.Write([]byte(ts.ReadFile(args[0])))
	ts.Check(errors.Join(err, w.Close(), f.Close()))
}

// TestLinesAreStable keeps the bytes of --verdicts, which others' programs read.
func TestLinesAreStable(t *testing.T) {
	got, err := json.Marshal(lineOf(spooled{Source: "a.mbox", Offset: 7, MessageID: "x@y.example"}, portcullis.Verdict{
		Score: 60, Action: portcullis.Tag, Revision: 1, Findings: []portcullis.Finding{{
			ID: "finding:1", Rule: "mail/x@1", Severity: portcullis.Medium, Technique: "T1598.003", People: []portcullis.ID{"person:a"},
			Flip: "never printed here",
		}},
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := `{"schema":1,"source":"a.mbox","offset":7,"message_id":"x@y.example","score":60,"action":"tag",` +
		`"findings":[{"id":"finding:1","rule":"mail/x@1","severity":"medium","technique":"T1598.003","people":["person:a"]}],"unknown":[]}`
	if string(got) != want {
		t.Errorf("the format of --verdicts has changed, which breaks its readers:\n got %s\nwant %s", got, want)
	}
}

// TestDocumentsHold tries what the documents show: their configuration files and
// their people file are in order, and every rule is described.
func TestDocumentsHold(t *testing.T) {
	for _, name := range []string{"DEPLOYING.md", "RULES.md"} {
		path := filepath.Join(t.TempDir(), "portcullis.toml")
		if err := os.WriteFile(path, []byte(block(t, name, "toml")), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := loadConfig(&Globals{Config: path}); err != nil {
			t.Errorf("the configuration in docs/%s: %v", name, err)
		}
	}
	dir, problems, err := people.Parse("docs/PEOPLE.md", strings.NewReader(block(t, "PEOPLE.md", "toml")))
	if err != nil || len(dir.People()) != 2 || len(dir.Organisations()) != 4 {
		t.Errorf("the people file in docs/PEOPLE.md has %d people, %d organisations, %v", len(dir.People()), len(dir.Organisations()), err)
	}
	for _, p := range problems {
		if !p.Warning {
			t.Errorf("the people file in docs/PEOPLE.md, line %d: %s", p.Line, p.Message)
		}
	}
	rules := document(t, "RULES.md")
	for _, name := range mail.RuleNames() {
		if !strings.Contains(rules, "`"+name+"`") {
			t.Errorf("docs/RULES.md does not describe %s", name)
		}
	}
	for _, name := range strings.Split(rules, "\n| `mail/")[1:] {
		name, _, _ = strings.Cut(name, "`")
		if !slices.Contains(mail.RuleNames(), "mail/"+name) {
			t.Errorf("docs/RULES.md describes mail/%s, which does not exist", name)
		}
	}
}

func document(t *testing.T, name string) string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("../../docs", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// block is the first fenced block of a language in a document.
func block(t *testing.T, name, language string) string {
	t.Helper()
	_, rest, ok := strings.Cut(document(t, name), "```"+language+"\n")
	text, _, closed := strings.Cut(rest, "```")
	if !ok || !closed {
		t.Fatalf("docs/%s shows no %s", name, language)
	}
	return text
}

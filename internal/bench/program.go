package bench

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// outcome is what one run of the program came to.
type outcome struct {
	out, err  []byte
	code      int
	cpu, wall time.Duration
	peak      int64 // bytes resident at most; 0 where the system does not tell
}

// run runs the program in a fresh process that sees nothing of the user's own
// configuration, data or key.
func (b *bench) run(ctx context.Context, args ...string) (outcome, error) {
	return b.runIn(ctx, nil, args...)
}

func (b *bench) runIn(ctx context.Context, stdin io.Reader, args ...string) (outcome, error) {
	cmd := exec.CommandContext(ctx, b.cfg.Program, args...)
	cmd.Env = b.environment()
	cmd.Stdin = stdin
	o, err := execute(cmd)
	if err != nil {
		return o, fmt.Errorf("run %s: %w", strings.Join(args, " "), err)
	}
	return o, nil
}

// environment leaves the program's own variables and the user's folders out.
func (b *bench) environment() []string {
	var env []string
	for _, v := range os.Environ() {
		name, _, _ := strings.Cut(v, "=")
		if strings.HasPrefix(name, "PORTCULLIS_") || strings.HasPrefix(name, "XDG_") || name == "HOME" || name == "TMPDIR" {
			continue
		}
		env = append(env, v)
	}
	return append(env, "HOME="+b.lab, "XDG_CONFIG_HOME="+filepath.Join(b.lab, "config"), "TMPDIR="+b.lab, "NO_COLOR=1")
}

// execute runs a command to its end. A command that ends with a status other
// than 0 is an outcome, one that cannot be run or is killed is an error.
func execute(cmd *exec.Cmd) (outcome, error) {
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	began := time.Now()
	err := cmd.Run()
	o := outcome{out: out.Bytes(), err: errs.Bytes(), wall: time.Since(began)}
	if cmd.ProcessState != nil {
		o.code = cmd.ProcessState.ExitCode()
		o.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		o.peak = peakOf(cmd.ProcessState)
	}
	var status *exec.ExitError
	if errors.As(err, &status) && o.code >= 0 {
		return o, nil
	}
	return o, err
}

// verdictLine is one line of the file that scan --verdicts writes.
type verdictLine struct {
	Schema    int    `json:"schema"`
	Source    string `json:"source"`
	Offset    int64  `json:"offset"`
	MessageID string `json:"message_id"`
	Score     int    `json:"score"`
	Action    string `json:"action"`
	Findings  []struct {
		ID        string   `json:"id"`
		Rule      string   `json:"rule"`
		Severity  string   `json:"severity"`
		Technique string   `json:"technique"`
		People    []string `json:"people"`
	} `json:"findings"`
	Unknown []string `json:"unknown"`
}

// above lists the rules that found something above informational, each once.
func (v *verdictLine) above() (rules []string) {
	for _, f := range v.Findings {
		if f.Severity == "informational" || f.Severity == "unknown" {
			continue
		}
		rule, _, _ := strings.Cut(f.Rule, "@")
		rules = append(rules, rule)
	}
	return rules
}

// has tells whether a rule stated anything at all.
func (v *verdictLine) has(rule string) bool {
	for _, f := range v.Findings {
		if name, _, _ := strings.Cut(f.Rule, "@"); name == rule {
			return true
		}
	}
	return false
}

// scanning is one scan.
type scanning struct {
	people string   // people.toml; "" protects nobody
	config string   // configuration file, "" for none
	data   string   // data folder; "" makes one that is removed afterwards
	mail   string   // what to read
	extra  []string // further arguments
}

// scan runs a scan and reads its verdicts.
func (b *bench) scan(ctx context.Context, s scanning) ([]verdictLine, outcome, error) {
	dir, err := b.folder("scan")
	if err != nil {
		return nil, outcome{}, err
	}
	defer os.RemoveAll(dir)
	if s.data == "" {
		s.data = filepath.Join(dir, "data")
	}
	file := filepath.Join(dir, "verdicts.ndjson")
	args := []string{"scan", "--data", s.data, "--verdicts", file, "--quiet"}
	if s.people != "" {
		args = append(args, "--people", s.people)
	}
	if s.config != "" {
		args = append(args, "--config", s.config)
	}
	o, err := b.run(ctx, append(append(args, s.extra...), s.mail)...)
	if err != nil {
		return nil, o, err
	}
	lines, err := readVerdicts(file)
	if err != nil {
		return nil, o, fmt.Errorf("scan ended with status %d: %w\n%s", o.code, err, tail(o.err))
	}
	return lines, o, nil
}

func readVerdicts(file string) (list []verdictLine, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	dec := json.NewDecoder(bufio.NewReader(f))
	for {
		var line verdictLine
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("read verdicts: %w", err)
		}
		list = append(list, line)
	}
}

// tail is the end of what a program said.
func tail(b []byte) string {
	const most = 2000
	if len(b) > most {
		b = b[len(b)-most:]
	}
	return strings.TrimSpace(string(b))
}

package store

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// childFolder names the data folder of a child that writes until it is killed.
const childFolder = "PORTCULLIS_STORE_TEST_CHILD"

// childFailed is its exit status where it ends by itself; 1 is what Windows gives the killed.
const childFailed = 3

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := writeUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(childFailed)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// writeUntilKilled says on standard output what is committed, as soon as it is.
func writeUntilKilled(dir string) error {
	ctx := context.Background()
	s, err := Open(ctx, Config{Dir: dir, Migrations: []Migrations{noteMigrations()}})
	if err != nil {
		return err
	}
	n, err := lastStep(ctx, s)
	if err != nil {
		return err
	}
	for {
		n++
		err := step(ctx, s, n,
			func(n int) { fmt.Println("step", n) },
			func(n int64) { fmt.Println("done", n) })
		if err != nil {
			return err
		}
	}
}

// TestKill kills a writing process without warning, 200 times: after a number of
// acknowledgements and a random part of a millisecond more, or a random time after its
// start, so that it also dies while it opens, migrates and recovers.
func TestKill(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 20
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var dir string
	told := newProgress()
	acknowledged := 0
	for i := range kills {
		if i%10 == 0 { // a new store, so that its making is interrupted too
			acknowledged += told.steps
			dir, told = filepath.Join(t.TempDir(), "data"), newProgress()
		}
		if i%4 == 1 {
			killAfter(t, dir, told, 0, time.Duration(rng.IntN(60_000))*time.Microsecond)
		} else {
			killAfter(t, dir, told, 1+rng.IntN(30), time.Duration(rng.IntN(1_500))*time.Microsecond)
		}
		if err := checkStore(t.Context(), dir, told); err != nil {
			t.Fatalf("after kill %d, told %d steps and %d results: %v", i+1, told.steps, len(told.done), err)
		}
	}
	t.Logf("%d kills, %d steps acknowledged", kills, acknowledged+told.steps)
	if acknowledged+told.steps < 2*kills {
		t.Errorf("only %d steps in %d runs: the test tests too little", acknowledged+told.steps, kills)
	}
}

// killAfter starts a child and kills it so many acknowledgements and some time later.
func killAfter(t *testing.T, dir string, told *progress, acks int, delay time.Duration) {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	child := exec.Command(program)
	child.Env = append(os.Environ(), childFolder+"="+dir)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	lines := bufio.NewScanner(out)
	if acks == 0 {
		time.Sleep(delay)
		must(t, child.Process.Kill())
	}
	for seen := 0; lines.Scan(); {
		told.note(t, lines.Text())
		if seen++; seen == acks {
			time.Sleep(delay)
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() == childFailed {
		t.Fatalf("the child was not killed: %v", child.ProcessState)
	}
}

// note takes down one line. What the child wrote into the pipe it had been told.
func (p *progress) note(t *testing.T, line string) {
	t.Helper()
	var what string
	var n int64
	if _, err := fmt.Sscan(line, &what, &n); err != nil {
		return // cut off by the kill
	}
	if what == "done" {
		p.done[n] = true
	} else {
		p.steps = max(p.steps, int(n))
	}
}

package ledger

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// childFolder names the ledger of a child that records until it is killed.
const childFolder = "PORTCULLIS_LEDGER_TEST_CHILD"

// childFailed is its exit status where it ends by itself.
const childFailed = 3

var background = context.Background()

func TestMain(m *testing.M) {
	if dir := os.Getenv(childFolder); dir != "" {
		if err := recordUntilKilled(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		os.Exit(childFailed)
	}
	os.Exit(m.Run())
}

func childConfig(dir string) Config {
	return Config{Keys: dir + "-keys", Integers: 100_000_000, Others: 100, Heartbeat: time.Hour, segmentSize: 32 << 10, openPairs: 300}
}

// recordUntilKilled says on standard output what is acknowledged, as soon as it is: the
// kernel keeps what was written to a pipe when the writer dies.
func recordUntilKilled(dir string) error {
	l, err := Open(dir, childConfig(dir))
	if err != nil {
		return err
	}
	start, err := strconv.Atoi(os.Getenv(childFolder + "_FROM"))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for lane := range 4 {
		go func() {
			for n := start + lane; ; n += 4 {
				if err := diary(l, n); err != nil {
					failed <- err
					return
				}
				fmt.Println(n)
			}
		}()
	}
	return <-failed
}

// TestKill kills a recording process without warning, 200 times. Every disclosure that was
// acknowledged is in the ledger afterwards.
func TestKill(t *testing.T) {
	kills := 200
	if testing.Short() {
		kills = 20
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var dir string
	told, from := map[int]bool{}, 1
	all := 0
	for i := range kills {
		if i%20 == 0 { // a new ledger, so that its making is interrupted too
			dir, told, from = filepath.Join(t.TempDir(), "ledger"), map[int]bool{}, 1
		}
		before := len(told)
		acks := 1 + rng.IntN(120)
		if i%5 == 1 {
			acks = 0 // at any time after its start, while it opens and recovers
		}
		from = runAndKill(t, dir, told, from, acks, rng)
		all += len(told) - before
		if err := holdsAll(dir, told); err != nil {
			t.Fatalf("after kill %d, %d acknowledged: %v", i+1, len(told), err)
		}
	}
	t.Logf("%d kills, %d disclosures acknowledged", kills, all)
	if all < 2*kills {
		t.Error("the test tests too little")
	}
}

func runAndKill(t *testing.T, dir string, told map[int]bool, from, acks int, rng *rand.Rand) int {
	t.Helper()
	program, err := os.Executable()
	must(t, err)
	child := exec.Command(program)
	child.Env = append(os.Environ(), childFolder+"="+dir, fmt.Sprint(childFolder, "_FROM=", from))
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	if acks == 0 {
		time.Sleep(time.Duration(rng.IntN(40_000)) * time.Microsecond)
		must(t, child.Process.Kill())
	}
	lines := bufio.NewReader(out)
	for seen := 0; ; {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // what isn't a whole line was not told
		}
		n, err := strconv.Atoi(strings.TrimSpace(line))
		must(t, err)
		told[n] = true
		from = max(from, n+1)
		if seen++; seen == acks {
			time.Sleep(time.Duration(rng.IntN(2_000)) * time.Microsecond)
			must(t, child.Process.Kill())
		}
	}
	if err := child.Wait(); err == nil || child.ProcessState.ExitCode() == childFailed {
		t.Fatalf("the child was not killed: %v", child.ProcessState)
	}
	return from + 4 // what others of its lanes recorded without being told
}

// holdsAll reads beside the lock, as another process would.
func holdsAll(dir string, told map[int]bool) error {
	cfg := childConfig(dir)
	if _, err := os.Stat(dir); err != nil && len(told) == 0 {
		return nil
	}
	v, err := OpenView(background, dir, cfg)
	if err != nil {
		return err
	}
	defer v.Close()
	seen := map[uint64]int{}
	err = v.Rebuild(background, time.Time{}, func(d *Disclosure) error {
		seen[d.Statement] += len(d.Voters)
		return nil
	})
	if err != nil {
		return err
	}
	for n := range told {
		if seen[uint64(n)] != 2 {
			return fmt.Errorf("disclosure %d was acknowledged; of its 2 voters the ledger has %d", n, seen[uint64(n)])
		}
	}
	r, err := Verify(background, dir, cfg)
	if err == nil && !r.OK() {
		err = fmt.Errorf("verify: %v", r.Damage)
	}
	return err
}

//go:build unix

package copies_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"portcullis.example/portcullis/internal/register/copies"
)

// TestKill kills a run again and again, and lets another go on: in the end all copies were found, each once,
// and a run that looks at everything anew finds the same.
func TestKill(t *testing.T) {
	all := invent(1, 2000)
	if dir := os.Getenv("COPIES_KILL_DIR"); dir != "" { // the run that is killed
		_, err := copies.Find(t.Context(), []string{dir}, copies.Config{
			Key: key(t), Sets: []copies.Set{filterOf(t, "the register", all)}, State: os.Getenv("COPIES_KILL_STATE"), Workers: 1, Now: now,
			Progress: func(int64, int) { time.Sleep(3 * time.Millisecond) }, // leaves time to be killed in
		})
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	files := map[string][]byte{}
	for i := range 120 {
		files[fmt.Sprintf("%d/%03d.csv", i%7, i)] = csvOf(all[i*10:i*10+200], ",", time.DateOnly, "fgb")
	}
	dir, state := lay(t, files), filepath.Join(t.TempDir(), "state")
	for i := range 6 {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestKill$")
		cmd.Env = append(os.Environ(), "COPIES_KILL_DIR="+dir, "COPIES_KILL_STATE="+state)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(60+i*40) * time.Millisecond)
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	set := []copies.Set{filterOf(t, "the register", all)}
	resumed, _, total := find(t, dir, copies.Config{Sets: set, State: state})
	fresh, _, _ := find(t, dir, copies.Config{Sets: set})
	a, err := json.Marshal(resumed)
	if err != nil {
		t.Fatal(err)
	}
	b, err := json.Marshal(fresh)
	if err != nil {
		t.Fatal(err)
	}
	if len(resumed) != 120 || total.Files != 120 || !bytes.Equal(a, b) {
		t.Errorf("%d copies, %+v\n%s\n%s", len(resumed), total, a, b)
	}
	t.Logf("%d of 120 files were not looked through again", total.Skipped)
}

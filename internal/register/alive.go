package register

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"portcullis.example/portcullis"
	"portcullis.example/portcullis/internal/register/meter"
)

// aliveFile is touched while the guard runs, and removed when it stops in order. Whoever looks
// after the guard from outside can tell by it that it has gone without a word.
const aliveFile = "alive"

// silentAfter is far more than the five seconds between two signs of life.
const silentAfter = 2 * time.Minute

func (g *Guard) live() {
	now := time.Now()
	path := filepath.Join(g.cfg.Data, aliveFile)
	err := os.Chtimes(path, now, now)
	if errors.Is(err, os.ErrNotExist) {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		g.log.Error("the guard cannot leave a sign of life", "error", err)
	}
}

// Silent tells that a guard has gone without a word, as a finding that has the same id however often
// it is asked for.
func Silent(data string, now time.Time) (Raised, bool) {
	info, err := os.Stat(filepath.Join(data, aliveFile))
	if err != nil || now.Sub(info.ModTime()) < silentAfter {
		return Raised{}, false
	}
	last := info.ModTime().UTC()
	f := finding{rule: RuleSilent, severity: portcullis.High, status: "Failure", who: meter.Subject{},
		summary: fmt.Sprintf("The register guard has given no sign of life since %s and did not stop in order: nobody reads through it, and what is read past it is in no ledger.", last.Format(time.RFC3339))}
	return f.raised(last), true
}

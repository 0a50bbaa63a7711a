//go:build unix

package store

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// syncDir makes the names in a folder durable. Some file systems can't sync a folder
// and say EINVAL; they have no better way.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("sync folder: %w", err)
	}
	err = d.Sync()
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOTSUP) {
		err = nil
	}
	return errors.Join(err, d.Close())
}

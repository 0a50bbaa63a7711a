// Package access decides who gets to the desk and what they may do there, and keeps the
// record of it.
//
//   - Sign-in: OpenID Connect (oidc.go), or a link that works once on a single machine
//     (local.go). Programs come with a bearer token (tokens.go).
//   - Sessions (session.go), and what every request passes through (guard.go, headers.go,
//     rate.go, address.go).
//   - [May] is the one function that decides (decide.go); [Guard.Allow] asks it and writes
//     the answer down before anything is shown.
//   - Breaking the glass (glass.go): how privileged mail is opened, by two people.
//   - The audit (audit.go), a chained log, and its checkpoints kept outside (witness.go).
//
// What an attacker may be: somebody on the network; a page in the user's browser; the
// author of what is shown; a user who wants more than their role; an administrator of
// the machine, against whom there is the witness and nothing else.
package access

import (
	"embed"
	"io/fs"
)

//go:embed migrations
var migrations embed.FS

// Migrations are the tables, one folder per dialect. They need those of chain.
func Migrations() fs.FS {
	sub, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return migrations // cannot happen: the folder is embedded
	}
	return sub
}

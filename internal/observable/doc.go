// Package observable knows the canonical form of every kind of value the
// program stores, and every form in which one hides.
//
// A domain learnt today has to be found in mail of years ago, where it stood in
// a redirector's parameter, behind a mail gateway's link wrapper, in base64, in
// punycode or written out with [.] instead of a dot. So both sides of a hunt
// pass through here: what is found in a message (FindLinks, Forms, Unwrap) and
// what a person types (Guess, Refang). Equal things come out as equal strings
// (Domain, URL, Email, IP, CIDR, Hash, Subject, MessageID).
//
// Everything is pure, does no I/O, and is bounded: the work on hostile input
// grows linearly with its length, and the limits below cap the rest.
package observable

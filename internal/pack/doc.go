// Package pack lets a house look for what a partner knows without being told it.
//
// A pack holds indicators sealed: of each only a tag, which is a memory-hard hash of the
// canonical value with the pack's salt. Whoever has the value (a domain in a mail they got) can
// compute the tag and find it in the pack; whoever has not must guess, at a price per guess that
// is printed when a pack is made and shown. With the tag goes a sealed key for a text that says
// what the value means, so that only one who has the mail can read it.
//
// A pack is one signed note (C2SP signed-note, Ed25519): a header in clear that says who
// made it, for what, how it may be handled and until when, then the entries. The format, the
// threat model and test vectors are in docs/PACK.md and testdata. It says there what a pack does not
// protect from: somebody with a list of all registered domains and a day of time.
//
// Make makes packs, Read reads them within limits, Tester tests values against one. Writer and
// Reader keep packs, which values were tested already, and which issuers are trusted, in tables of
// the package's own.
package pack

// The document store of the native stack: MongoDB's wire protocol over SQLite.
// Usage: ferretdb ADDRESS SQLITE_URL. It runs until it is killed; SQLite's journal makes that safe.
package main

import (
	"context"
	"log"
	"log/slog"
	"os"
	"runtime/debug"

	"github.com/FerretDB/FerretDB/ferretdb"
)

// withoutContext writes records without the attributes that their logger carries. FerretDB gives each statement's logger
// all of the statement's documents, and the handler would format them although it never writes a line: 13 % of the CPU
// of an insert.
type withoutContext struct{ slog.Handler }

func (handler withoutContext) WithAttrs([]slog.Attr) slog.Handler { return handler }

func main() {
	// Inserts allocate much and keep nothing: collecting less often costs a few megabytes.
	debug.SetGCPercent(400)
	// Warnings only: at the next level every connection is a line.
	handler := slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})
	// The embedded server never starts the telemetry reporter.
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: os.Args[1]},
		Logger:    slog.New(withoutContext{handler}),
		Handler:   "sqlite",
		SQLiteURL: os.Args[2],
	})
	if err != nil {
		log.Fatal(err)
	}
	if err := server.Run(context.Background()); err != nil {
		log.Fatal(err)
	}
}

// Command river is a job queue of River to be measured: it enqueues, works, or does both. The driver, run.py, reads
// what it prints.
//
//	river migrate URL
//	river fill    URL JOBS                            enqueues them in bulk
//	river enqueue URL CLIENTS SECONDS                 single jobs; prints the seconds that it took
//	river work    URL WORKERS SLEEP COOLDOWN POLL     prints how many jobs have begun, until it is stopped
//	river latency URL JOBS COOLDOWN POLL              prints milliseconds from before and after the enqueue
//	river bare    URL enqueue|work ...                see bare.go
package main

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"os"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

func main() {
	log.SetFlags(0)
	command, url, rest := os.Args[1], os.Args[2], os.Args[3:]
	ctx := context.Background()
	switch command {
	case "migrate":
		migrate(ctx, pool(ctx, url, 2))
	case "fill":
		fill(ctx, pool(ctx, url, 2), number(rest[0]))
	case "enqueue":
		enqueue(ctx, pool(ctx, url, number(rest[0])), number(rest[0]), duration(rest[1]+"s"))
	case "work":
		settings := config(duration(rest[2]), duration(rest[3]), number(rest[0]))
		work(ctx, pool(ctx, url, workPool), settings, duration(rest[1]))
	case "latency":
		settings := config(duration(rest[1]), duration(rest[2]), latencyWorkers)
		latency(ctx, pool(ctx, url, workPool), settings, number(rest[0]))
	case "bare":
		bare(ctx, url, rest)
	default:
		log.Fatalf("unknown command %q", command)
	}
}

// Connections of a process that works: it fetches and completes in batches, and pgx's own default may be 4.
const workPool = 10

const latencyWorkers = 100

// The settings of a client that works. A duration of 0 leaves River's default.
func config(cooldown, poll time.Duration, workers int) *river.Config {
	return &river.Config{
		FetchCooldown:     cooldown,
		FetchPollInterval: poll,
		Logger:            slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
		Queues:            map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
	}
}

func pool(ctx context.Context, url string, connections int) *pgxpool.Pool {
	config, err := pgxpool.ParseConfig(url)
	check(err)
	config.MaxConns = int32(connections)
	pool, err := pgxpool.NewWithConfig(ctx, config)
	check(err)
	return pool
}

func migrate(ctx context.Context, pool *pgxpool.Pool) {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	check(err)
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	check(err)
}

func client(pool *pgxpool.Pool, config *river.Config) *river.Client[pgx.Tx] {
	client, err := river.NewClient(riverpgxv5.New(pool), config)
	check(err)
	return client
}

func number(text string) int {
	number, err := strconv.Atoi(text)
	check(err)
	return number
}

func duration(text string) time.Duration {
	duration, err := time.ParseDuration(text)
	check(err)
	return duration
}

func seconds(duration time.Duration) string {
	return fmt.Sprintf("%.6f", duration.Seconds())
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

from dialer_feed.main import run

if __name__ == "__main__":
    run()

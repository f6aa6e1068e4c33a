from dialer_feed.main import PROGRAM

if __name__ == "__main__":
    PROGRAM.run()

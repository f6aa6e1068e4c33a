from recobro_console.main import run

if __name__ == "__main__":
    run()

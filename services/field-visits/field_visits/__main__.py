from field_visits.main import run

if __name__ == "__main__":
    run()

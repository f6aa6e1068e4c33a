from field_visits.main import PROGRAM

if __name__ == "__main__":
    PROGRAM.run()

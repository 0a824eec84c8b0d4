from imports import early

TABLE = early.TABLE
